//===- PrefixTree.cpp - pages by the tokens that they hold ----------------===//

#include "attn/Runtime/KvCache/PrefixTree.h"

#include "Grow.h"

using namespace attn;

PrefixTree::PrefixTree(PagePool &pool, int64_t pageTokens)
    : pool(&pool), pageTokens(pageTokens), nodes(1) {}

void PrefixTree::setIdle(Node node, bool isIdle) {
  Entry &entry = get(node);
  if (entry.isIdle == isIdle)
    return;
  entry.isIdle = isIdle;
  numIdle += isIdle ? 1 : -1;
  if (isIdle) {
    entry.previous = get(root).previous;
    entry.next = root;
    get(entry.previous).next = get(root).previous = node;
  } else {
    get(entry.previous).next = entry.next;
    get(entry.next).previous = entry.previous;
  }
}

PrefixTree::Node PrefixTree::find(Node parent, const TokenId *tokens) const {
  const auto &children = get(parent).children;
  auto it = children.find({tokens, tokens + pageTokens});
  return it == children.end() ? none : it->second;
}

PrefixTree::Node PrefixTree::insert(Node parent, const TokenId *tokens,
                                    PageId page) {
  // All that may throw comes before anything changes.
  std::vector<TokenId> own(tokens, tokens + pageTokens);
  Node node = unused.empty() ? static_cast<Node>(nodes.size()) : unused.back();
  if (unused.empty()) {
    grow(unused, nodes.size() + 1);
    nodes.emplace_back();
  } else {
    unused.pop_back();
  }
  try {
    get(parent).children.emplace(own, node);
  } catch (...) {
    unused.push_back(node);
    throw;
  }
  Entry &entry = get(node);
  entry.parent = parent;
  entry.page = page;
  entry.tokens = std::move(own);
  pool->retain(page);
  return node;
}

PrefixTree::Node PrefixTree::findLeaf(Node node) const {
  while (!get(node).children.empty())
    node = get(node).children.begin()->second;
  return node;
}

void PrefixTree::remove(Node node) {
  setIdle(node, false);
  Entry &entry = get(node);
  get(entry.parent).children.erase(entry.tokens);
  pool->release(entry.page);
  uint32_t generation = entry.generation + 1;
  entry = Entry();
  entry.generation = generation;
  unused.push_back(node);
}

std::vector<PageId> PrefixTree::getPages() const {
  std::vector<PageId> pages;
  for (const Entry &entry : nodes)
    if (entry.page >= 0)
      pages.push_back(entry.page);
  return pages;
}

std::string PrefixTree::check() const {
  size_t numFound = 0, numNodes = 0;
  for (size_t at = 1; at < nodes.size(); ++at) {
    const Entry &entry = nodes[at];
    if (entry.page < 0)
      continue;
    ++numNodes;
    auto node = static_cast<Node>(at);
    std::string name = "node " + std::to_string(at);
    const Entry &parent = get(entry.parent);
    auto link = parent.children.find(entry.tokens);
    if (link == parent.children.end() || link->second != node)
      return name + " is no child of its parent";
    if (entry.isIdle != (pool->getCount(entry.page) == 1))
      return name + " is " + (entry.isIdle ? "" : "not ") +
             "listed as idle, but its page has " +
             std::to_string(pool->getCount(entry.page)) + " references";
    numFound += entry.isIdle;
    if (entry.isIdle &&
        (get(entry.previous).next != node || get(entry.next).previous != node))
      return name + " is not in the list of idle nodes";
  }
  size_t numListed = 0;
  for (Node node = get(root).next; node != root; node = get(node).next)
    ++numListed;
  if (numFound != numListed || numFound != static_cast<size_t>(numIdle) ||
      numNodes != static_cast<size_t>(getNumNodes()))
    return "the tree's counters differ from its nodes";
  return {};
}
