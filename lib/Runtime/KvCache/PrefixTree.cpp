//===- PrefixTree.cpp - pages by the tokens that they hold ----------------===//

#include "attn/Runtime/KvCache/PrefixTree.h"

using namespace attn;

PrefixTree::PrefixTree(PagePool &pool, int64_t pageTokens)
    : pool(&pool), pageTokens(pageTokens), nodes(1) {}

PrefixTree::Key PrefixTree::getKey(Node node) const {
  const Entry &entry = get(node);
  return {entry.used, -entry.depth, node};
}

void PrefixTree::setIdle(Node node, bool isIdle) {
  Entry &entry = get(node);
  if (entry.isIdle == isIdle)
    return;
  entry.isIdle = isIdle;
  if (!isIdle) {
    idle.erase(getKey(node));
    return;
  }
  entry.used = now;
  idle.insert(getKey(node));
}

PrefixTree::Node PrefixTree::find(Node parent, const TokenId *tokens) const {
  const auto &children = get(parent).children;
  auto it = children.find({tokens, tokens + pageTokens});
  return it == children.end() ? none : it->second;
}

PrefixTree::Node PrefixTree::insert(Node parent, const TokenId *tokens,
                                    PageId page) {
  Node node;
  if (unused.empty()) {
    node = static_cast<Node>(nodes.size());
    nodes.emplace_back();
  } else {
    node = unused.back();
    unused.pop_back();
  }
  Entry &entry = get(node);
  entry.parent = parent;
  entry.page = page;
  entry.depth = get(parent).depth + 1;
  entry.tokens.assign(tokens, tokens + pageTokens);
  get(parent).children[entry.tokens] = node;
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
  size_t numIdle = 0, numNodes = 0;
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
    numIdle += entry.isIdle;
    if (entry.isIdle && idle.count(getKey(node)) == 0)
      return name + " is not in the order of idle nodes";
  }
  if (numIdle != idle.size() || numNodes != static_cast<size_t>(getNumNodes()))
    return "the tree's counters differ from its nodes";
  return {};
}
