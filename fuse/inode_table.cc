#include "fuse/inode_table.hh"

#include <ctime>

namespace pmemckpt::view {

namespace {

Entry without_log(Entry entry) {
    entry.log.log_id = 0;
    return entry;
}

}  // namespace

timespec Node::changed(std::uint64_t length) {
    const std::lock_guard lock(change_mutex_);
    if (seen_length_ != length) {
        seen_length_ = length;
        ::clock_gettime(CLOCK_REALTIME, &changed_);
    }
    return changed_;
}

std::shared_ptr<LogContent> Node::open_log() {
    const std::lock_guard lock(open_mutex);
    for (const auto& log : logs)
        if (auto open = log.lock())
            return open;
    return nullptr;
}

void Node::add_log(const std::shared_ptr<LogContent>& log) {
    const std::lock_guard lock(open_mutex);
    std::erase_if(logs, [](const auto& other) { return other.expired(); });
    logs.push_back(log);
}

InodeTable::InodeTable() {
    look_up(Entry{});
}

std::shared_ptr<Node> InodeTable::look_up(const Entry& entry) {
    std::lock_guard lock(mutex_);
    if (entry.kind == Kind::log && entry.log.log_id != 0 && !ids_.contains(entry.key())) {
        const auto waiting = ids_.find(without_log(entry).key());
        if (waiting != ids_.end())
            adopt_locked(held_.at(waiting->second), entry);
    }
    const auto [known, is_new] = ids_.try_emplace(entry.key(), next_);
    auto& held = held_[known->second];
    if (is_new) {
        held.node = std::make_shared<Node>();
        held.node->id = next_++;
        held.node->entry = entry;
        held.node->log_id_ = entry.log.log_id;
        held.key = known->first;
    }
    ++held.count;
    return held.node;
}

void InodeTable::adopt_locked(Held& held, const Entry& entry) {
    ids_.erase(held.key);
    held.key = entry.key();
    ids_.emplace(held.key, held.node->id);
    held.node->log_id_ = entry.log.log_id;
}

void InodeTable::adopt(const std::shared_ptr<Node>& node, const wire::LogState& log) {
    auto entry = node->entry;
    entry.log = log;
    std::lock_guard lock(mutex_);
    const auto held = held_.find(node->id);
    if (held != held_.end() && node->log_id_ == 0 && log.log_id != 0 && !ids_.contains(entry.key()))
        adopt_locked(held->second, entry);
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
    ids_.erase(found->second.key);
    held_.erase(found);
}

std::size_t InodeTable::size() const {
    std::lock_guard lock(mutex_);
    return held_.size();
}

}  // namespace pmemckpt::view
