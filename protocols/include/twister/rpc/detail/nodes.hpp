// twister/rpc/detail/nodes.hpp - which peer of a server has which name.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace twister::detail {

// The first to take a name has it until it is released. Threads: the loop's.
template <class Peer>
class Nodes {
 public:
  // False for a name that somebody has, one that is empty or too long, and one too many of a peer.
  bool take(Peer& peer, const std::string& name, std::size_t max_names,
            std::size_t max_name_bytes) {
    if (name.empty() || name.size() > max_name_bytes) return false;
    const auto own = std::count_if(nodes_.begin(), nodes_.end(),
                                   [&](const auto& node) { return node.second.get() == &peer; });
    return static_cast<std::size_t>(own) < max_names &&
           nodes_.try_emplace(name, peer.shared_from_this()).second;
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
  std::map<std::string, std::shared_ptr<Peer>, std::less<>> nodes_;
};

}  // namespace twister::detail
