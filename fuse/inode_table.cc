#include "fuse/inode_table.hh"

#include <ctime>

namespace pmemckpt::view {

timespec Node::changed(std::uint64_t length) {
    const std::lock_guard lock(change_mutex_);
    if (seen_length_ != length) {
        seen_length_ = length;
        ::clock_gettime(CLOCK_REALTIME, &changed_);
    }
    return changed_;
}

InodeTable::InodeTable() {
    look_up(Entry{});
}

std::shared_ptr<Node> InodeTable::look_up(const Entry& entry) {
    std::lock_guard lock(mutex_);
    const auto [known, is_new] = ids_.try_emplace(entry.key(), next_);
    auto& held = held_[known->second];
    if (is_new) {
        held.node = std::make_shared<Node>();
        held.node->id = next_++;
        held.node->entry = entry;
    }
    ++held.count;
    return held.node;
}

std::shared_ptr<Node> InodeTable::find(NodeId id) const {
    std::lock_guard lock(mutex_);
    const auto found = held_.find(id);
    return found == held_.end() ? nullptr : found->second.node;
}

void InodeTable::forget(NodeId id, std::uint64_t count) {
    std::lock_guard lock(mutex_);
    const auto found = held_.find(id);
    if (id == kRootInode || found == held_.end())
        return;
    if (found->second.count > count) {
        found->second.count -= count;
        return;
    }
    ids_.erase(found->second.node->entry.key());
    held_.erase(found);
}

std::size_t InodeTable::size() const {
    std::lock_guard lock(mutex_);
    return held_.size();
}

}  // namespace pmemckpt::view
