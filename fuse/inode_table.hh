#pragma once
// What the kernel knows: it holds a node from the first reply that names it until it has forgotten every one.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "fuse/entry.hh"
#include "fuse/source.hh"

namespace pmemckpt::view {

using NodeId = std::uint64_t;  ///< fuse_ino_t; never reused in a mount, so no generation number is needed

struct Node {
    NodeId id = 0;
    Entry entry;

    /// Of a log: one of those that are open, or nullptr.
    std::shared_ptr<LogContent> open_log();
    void add_log(const std::shared_ptr<LogContent>& log);
    /// Of a log: the one that it is; 0 as long as there is none.
    std::uint64_t log_id() const { return log_id_; }

    /// Since when this mount has seen it as long as this. Records have no times; tail(1) wants one that rests
    /// while nothing comes.
    timespec changed(std::uint64_t length);

    std::mutex open_mutex;  ///< guards what follows; held while it is opened, so that it is opened once
    std::weak_ptr<Content> content;               ///< of a generation
    std::vector<std::weak_ptr<LogContent>> logs;  ///< of a log: one for each open

private:
    friend class InodeTable;
    std::atomic<std::uint64_t> log_id_{0};
    std::mutex change_mutex_;  // guards the two below; a leaf
    std::optional<std::uint64_t> seen_length_;
    timespec changed_{};
};

class InodeTable {
public:
    InodeTable();
    /// The node of this entry, with one look-up more counted.
    std::shared_ptr<Node> look_up(const Entry& entry);
    /// Where there was no log yet, this one has begun: whoever waits for it there finds it there.
    void adopt(const std::shared_ptr<Node>& node, const wire::LogState& log);
    /// nullptr when the kernel does not hold it.
    std::shared_ptr<Node> find(NodeId id) const;
    /// The root stays, whatever is forgotten.
    void forget(NodeId id, std::uint64_t count);
    std::size_t size() const;  ///< with the root

private:
    struct Held {
        std::shared_ptr<Node> node;
        Entry::Key key;
        std::uint64_t count = 0;
    };
    void adopt_locked(Held& held, const Entry& entry);

    mutable std::mutex mutex_;  // guards everything below; no other lock is taken under it
    std::unordered_map<NodeId, Held> held_;
    std::map<Entry::Key, NodeId> ids_;
    NodeId next_ = kRootInode;
};

}  // namespace pmemckpt::view
