//===- PublishedCases.h - what other projects test their masks with -------===//
//
// Shapes and parameters of the tests of NATTEN, DKernel, vLLM, block-sparse
// attention (BSA), FlashAttention 4, FlashInfer, NSA, MoBA and HiP. Batch and
// heads are fewer where they add time alone. Lists of blocks are drawn here,
// with fixed seeds.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_TEST_UNIT_EXECUTION_PUBLISHEDCASES_H
#define ATTN_TEST_UNIT_EXECUTION_PUBLISHEDCASES_H

#include "RunCase.h"
#include "Tables.h"

namespace attn::test {

struct PublishedCase {
  Case c;
  /// The interpreter takes seconds: left out of ordinary runs.
  bool isLong = false;
};
using PublishedCases = std::vector<PublishedCase>;

/// A case of `variant` with integer scalars, `heads` of which share a key head
/// `group` at a time.
Case makeCase(std::string variant, int64_t heads, int64_t group,
              int64_t queries, int64_t keys, int64_t width,
              const std::map<std::string, int64_t> &scalars);

/// NATTEN's canvases of `axes` axes, with every choice of causal axes.
PublishedCases getNeighborhoods(unsigned axes);
/// Local and vertical blocks, of DKernel and vLLM.
PublishedCases getLocalAndVertical();
/// Heads that are dense, streaming or block-sparse, of BSA.
PublishedCases getKindsOfHeads();
/// FlashAttention 4's pairs of lengths.
PublishedCases getPairsOfLengths();
/// FlashInfer's block rows at a density of 1/4.
PublishedCases getBlockRows();
/// Blocks that were selected for each query or row of queries: NSA, MoBA, HiP.
PublishedCases getSelections();

} // namespace attn::test

#endif // ATTN_TEST_UNIT_EXECUTION_PUBLISHEDCASES_H
