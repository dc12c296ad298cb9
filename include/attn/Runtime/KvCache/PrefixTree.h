//===- PrefixTree.h - pages by the tokens that they hold --------*- C++ -*-===//
//
// A radix tree over token ids, a page of them a digit: the path to a node
// spells all tokens from the beginning of a sequence to the end of the node's
// page, on which keys and values depend. The tree refers to its pages; those
// that nobody else refers to are kept until they are needed, the least recently
// used first.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_KVCACHE_PREFIXTREE_H
#define ATTN_RUNTIME_KVCACHE_PREFIXTREE_H

#include "attn/Runtime/KvCache/PagePool.h"

#include <map>

namespace attn {

using TokenId = int32_t;

class PrefixTree {
public:
  using Node = int32_t;
  static constexpr Node root = 0, none = -1;

  PrefixTree(PagePool &pool, int64_t pageTokens);

  /// The node below `parent` of a page of tokens, or none.
  Node find(Node parent, const TokenId *tokens) const;
  /// Keeps `page`, which has these tokens, below `parent`. Throws
  /// std::bad_alloc, and is then as before. Pre-condition: there is no such
  /// node yet.
  Node insert(Node parent, const TokenId *tokens, PageId page);

  PageId getPage(Node node) const { return get(node).page; }
  Node getParent(Node node) const { return get(node).parent; }
  /// Takes a node away that has none below. Allocates nothing.
  void remove(Node node);
  /// Another one after the node has gone.
  uint32_t getGeneration(Node node) const { return get(node).generation; }

  /// Pages that nobody but the tree refers to.
  int32_t getNumIdle() const { return numIdle; }
  /// To be called after others' references to a node's page have changed, of
  /// several pages of a sequence from its end on. Allocates nothing.
  void updateIdle(Node node) {
    setIdle(node, pool->getCount(get(node).page) == 1);
  }
  /// Frees one page: of what was used least recently, a node without others
  /// below. Nodes that stand in the way because others refer to their pages go
  /// as well. Calls `forget(page)` for each. Allocates nothing. Pre-condition:
  /// there is an idle page.
  template <typename Forget> void evict(Forget forget) {
    Node top = get(root).next;
    for (bool isFreed = false; !isFreed;) {
      Node node = findLeaf(top);
      isFreed = get(node).isIdle;
      forget(get(node).page);
      remove(node);
    }
  }

  int32_t getNumNodes() const {
    return static_cast<int32_t>(nodes.size() - unused.size()) - 1;
  }
  /// What is wrong with the links, or nothing.
  std::string check() const;
  /// The pages of all nodes.
  std::vector<PageId> getPages() const;

private:
  struct Entry {
    Node parent = none;
    PageId page = -1;
    uint32_t generation = 0;
    bool isIdle = false;
    /// Its neighbours among idle nodes.
    Node previous = root, next = root;
    std::vector<TokenId> tokens;
    std::map<std::vector<TokenId>, Node> children;
  };
  Entry &get(Node node) { return nodes[static_cast<size_t>(node)]; }
  const Entry &get(Node node) const { return nodes[static_cast<size_t>(node)]; }
  void setIdle(Node node, bool isIdle);
  /// A node without others below, at or below `node`.
  Node findLeaf(Node node) const;

  PagePool *pool;
  int64_t pageTokens;
  /// The root is where the list of idle nodes begins, with the one that became
  /// idle first, and ends.
  std::vector<Entry> nodes;
  /// With room for all nodes.
  std::vector<Node> unused;
  int32_t numIdle = 0;
};

} // namespace attn

#endif // ATTN_RUNTIME_KVCACHE_PREFIXTREE_H
