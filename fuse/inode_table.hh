#pragma once
// What the kernel knows: it holds a node from the first reply that names it until it has forgotten every one.
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "fuse/entry.hh"
#include "fuse/source.hh"

namespace pmemckpt::view {

using NodeId = std::uint64_t;  ///< fuse_ino_t; never reused in a mount, so no generation number is needed

struct Node {
    NodeId id = 0;
    Entry entry;

    std::mutex
        open_mutex;  ///< guards `content`; held while a generation is opened, so that it is opened once
    std::weak_ptr<Content> content;
};

class InodeTable {
public:
    InodeTable();
    /// The node of this entry, with one look-up more counted.
    std::shared_ptr<Node> look_up(const Entry& entry);
    /// nullptr when the kernel does not hold it.
    std::shared_ptr<Node> find(NodeId id) const;
    /// The root stays, whatever is forgotten.
    void forget(NodeId id, std::uint64_t count);
    std::size_t size() const;  ///< with the root

private:
    struct Held {
        std::shared_ptr<Node> node;
        std::uint64_t count = 0;
    };
    mutable std::mutex mutex_;  // guards everything below; no other lock is taken under it
    std::unordered_map<NodeId, Held> held_;
    std::map<Entry::Key, NodeId> ids_;
    NodeId next_ = kRootInode;
};

}  // namespace pmemckpt::view
