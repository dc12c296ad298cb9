//===- Serve.cpp - many calls of attn-run in one process ------------------===//

#include "Serve.h"

#include "RunOptions.h"

#include "attn/Driver/DeviceTensors.h"
#include "attn/Driver/Tools.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <iostream>

using namespace attn;

static llvm::json::Value answer(llvm::StringRef line) {
  std::string out, errors;
  llvm::raw_string_ostream outStream(out), errorStream(errors);
  int status = kRefused;
  auto request = llvm::json::parse(line);
  std::vector<std::string> arguments;
  if (!request) {
    errorStream << "attn-run: --serve: " << llvm::toString(request.takeError());
  } else if (llvm::json::Path::Root root;
             !llvm::json::fromJSON(*request, arguments, root)) {
    errorStream << "attn-run: --serve: expects an array of strings a line, but "
                   "got '"
                << line << "'; give arguments of attn-run";
  } else if (auto options = parseRunOptions(arguments);
             options.isOk() && options->serve) {
    errorStream << "attn-run: --serve: is served already; leave it out";
  } else {
    status = runTool(arguments, outStream, errorStream);
  }
  return llvm::json::Object{
      {"status", status}, {"output", out}, {"errors", errors}};
}

void attn::serve(std::istream &in, llvm::raw_ostream &out) {
  // While somebody holds the GPU's context, runs need not make one each, which
  // takes longer than most of them do. Those that need a GPU say if there is
  // none.
  auto context = DeviceTensors::create();
  for (std::string line; std::getline(in, line);) {
    out << answer(line) << "\n";
    out.flush();
  }
}
