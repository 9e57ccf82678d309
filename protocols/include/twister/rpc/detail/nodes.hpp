// twister/rpc/detail/nodes.hpp - which peer of a server has which name.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <twister/rpc/status.hpp>

namespace twister::detail {

// Of a name that nobody has.
inline RpcStatus no_node(std::string_view name) {
  return {RpcCode::not_found, "node " + std::string(name) + " not exist"};
}

// The first to take a name has it until it is released. Threads: the loop's.
template <class Peer>
class Nodes {
 public:
  // Limits are for each peer; `taken` is told of every name.
  Nodes(std::size_t max_names, std::size_t max_name_bytes,
        std::function<void(Peer& peer, const std::string& name)> taken)
      : max_names_(max_names), max_name_bytes_(max_name_bytes), taken_(std::move(taken)) {}

  // False for a name that somebody has, one that is empty or too long, and one too many of a peer.
  bool take(Peer& peer, const std::string& name) {
    if (name.empty() || name.size() > max_name_bytes_) return false;
    const auto own = std::count_if(nodes_.begin(), nodes_.end(),
                                   [&](const auto& node) { return node.second.get() == &peer; });
    if (static_cast<std::size_t>(own) >= max_names_) return false;
    if (!nodes_.try_emplace(name, peer.shared_from_this()).second) return false;
    taken_(peer, name);
    return true;
  }

  // All names of a peer, which are free now.
  std::vector<std::string> release(const Peer* peer) {
    std::vector<std::string> free;
    for (auto at = nodes_.begin(); at != nodes_.end();) {
      if (at->second.get() != peer) {
        ++at;
        continue;
      }
      free.push_back(at->first);
      at = nodes_.erase(at);
    }
    return free;
  }

  // Null for nobody.
  std::shared_ptr<Peer> find(std::string_view name) const {
    const auto found = nodes_.find(name);
    return found == nodes_.end() ? nullptr : found->second;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    names.reserve(nodes_.size());
    for (const auto& [name, peer] : nodes_) names.push_back(name);
    return names;
  }

 private:
  std::size_t max_names_;
  std::size_t max_name_bytes_;
  std::function<void(Peer&, const std::string&)> taken_;
  std::map<std::string, std::shared_ptr<Peer>, std::less<>> nodes_;
};

}  // namespace twister::detail
