//===- main.cpp - serves requests with a model of llama.cpp's format ------===//
//
//   attn-server MODEL.gguf [--pages N] [--budget N] [--stop ID] [--alone]
//
// reads a request a line from standard input, `most samples token token ...`,
// and prints the tokens of each sample, a line each. --alone serves them one
// after the other: the lines are the same.
//
//===----------------------------------------------------------------------===//

#include "Server.h"

#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>

static void serve(int argc, char **argv) {
  if (argc < 2)
    throw std::runtime_error("expects the path of a model");
  int pages = 256, budget = 64, stop = -1;
  bool isAlone = false;
  for (int i = 2; i < argc; ++i) {
    std::string word = argv[i];
    int *number = word == "--pages"    ? &pages
                  : word == "--budget" ? &budget
                  : word == "--stop"   ? &stop
                                       : nullptr;
    isAlone |= word == "--alone";
    if (number && i + 1 < argc)
      *number = std::atoi(argv[++i]);
    else if (word != "--alone")
      throw std::runtime_error("expects an option and its number, but got '" +
                               word + "'");
  }
  if (pages < 1 || budget < 1)
    throw std::runtime_error("expects at least one page and token a step");
  std::vector<Request> requests;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    Request request{};
    words >> request.most >> request.samples;
    for (int32_t token; words >> token;)
      request.prompt.push_back(token);
    requests.push_back(std::move(request));
  }
  Model model(argv[1], pages);
  ServerCounts counts;
  auto print = [&](const std::vector<Request> &together) {
    Server server(model, pages, size_t(budget));
    for (const auto &samples : server.serve(together, stop))
      for (const auto &tokens : samples) {
        for (size_t i = 0; i < tokens.size(); ++i)
          std::cout << (i ? " " : "") << tokens[i];
        std::cout << "\n";
      }
    const ServerCounts &now = server.getCounts();
    counts.steps += now.steps, counts.computed += now.computed;
    counts.found += now.found, counts.forked += now.forked;
    counts.preempted += now.preempted;
  };
  if (isAlone)
    for (const Request &request : requests)
      print({request});
  else
    print(requests);
  std::cerr << "steps " << counts.steps << ", computed " << counts.computed
            << ", found " << counts.found << ", forked " << counts.forked
            << ", preempted " << counts.preempted << "\n";
}

int main(int argc, char **argv) {
  try {
    serve(argc, argv);
    return 0;
  } catch (const std::exception &error) {
    std::cerr << "attn-server: " << error.what() << "\n";
    return 1;
  }
}
