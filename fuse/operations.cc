#include "fuse/operations.hh"

#include <sys/statvfs.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "fuse/reply.hh"

namespace pmemckpt::view {

namespace {

constexpr unsigned kMaximumBackground = 64;  // reads ahead that the kernel keeps in flight
constexpr unsigned kCongestion = 48;
constexpr unsigned kReadAheadBytes = 4 << 20;
/// One line a second says why operations fail; a program that tries again and again fills no log.
constexpr std::chrono::seconds kLogPause{1};

void log_failure(const Error& error) {
    using Clock = std::chrono::steady_clock;
    static std::atomic<Clock::rep> next{0};
    const auto now = Clock::now().time_since_epoch();
    auto due = next.load();
    if (now.count() >= due && next.compare_exchange_strong(due, (now + kLogPause).count()))
        log::warning("{}", error.message);
}

void initialize(void*, fuse_conn_info* connection) {
    connection->max_background = kMaximumBackground;
    connection->congestion_threshold = kCongestion;
    connection->max_readahead = std::max(connection->max_readahead, kReadAheadBytes);
    // What is sealed never changes, and neither do its attributes. Of a log that grew, what sendfile(2) has
    // in the page cache is dropped.
    connection->want |= connection->capable & FUSE_CAP_AUTO_INVAL_DATA;
}

void look_up(fuse_req_t request, fuse_ino_t parent, const char* name) {
    auto& view = view_of(request);
    const auto folder = node_of(view, parent);
    auto found = folder ? view.tree.look_up((*folder)->entry, name) : tl::unexpected(folder.error());
    if (!found) {
        fuse_reply_err(request, errno_of_name(found.error()));
        return;
    }
    const bool newest = found->kind == Kind::generation && (*folder)->entry.kind == Kind::folder;
    const auto node = view.inodes.look_up(*found);
    found->changed = node->changed(found->length());
    auto reply = describe(view, *found, newest ? kChangingSeconds : kStableNameSeconds);
    reply.ino = node->id;
    if (fuse_reply_entry(request, &reply) < 0)
        view.inodes.forget(reply.ino, 1);  // the kernel never saw it
}

void forget(fuse_req_t request, fuse_ino_t id, uint64_t count) {
    view_of(request).inodes.forget(id, count);
    fuse_reply_none(request);
}

void forget_several(fuse_req_t request, size_t count, fuse_forget_data* forgotten) {
    for (size_t i = 0; i < count; ++i)
        view_of(request).inodes.forget(forgotten[i].ino, forgotten[i].nlookup);
    fuse_reply_none(request);
}

void get_attributes(fuse_req_t request, fuse_ino_t id, fuse_file_info*) {
    auto& view = view_of(request);
    const auto node = node_of(view, id);
    if (!node) {
        fuse_reply_err(request, errno_of_name(node.error()));
        return;
    }
    const auto entry = present_entry(view, *node);
    if (!entry) {
        fuse_reply_err(request, errno_of_name(entry.error()));
        return;
    }
    const auto found = attributes(*entry, view.owner);
    fuse_reply_attr(request, &found, is_changing(*entry) ? kChangingSeconds : kAttributeSeconds);
}

// Extended attributes are asked for twice: with size 0 for their length, then for the bytes.
void reply_text(fuse_req_t request, const std::string& text, size_t size) {
    if (size == 0)
        fuse_reply_xattr(request, text.size());
    else if (size < text.size())
        fuse_reply_err(request, ERANGE);
    else
        fuse_reply_buf(request, text.data(), text.size());
}

/// Of one that has ended, as long as it is open: its last records are to be read.
Result<wire::LogState> present_log(View& view, const std::shared_ptr<Node>& node) {
    if (const auto now = TRY(view.tree.present_log(node->entry, node->log_id()))) {
        view.inodes.adopt(node, *now);
        return *now;
    }
    auto state = node->entry.log;
    const auto open = node->open_log();
    const auto size = open ? open->size() : Result<std::uint64_t>(state.payload_bytes);
    if (!size && size.error().code != ESTALE)
        return tl::unexpected(size.error());
    state.payload_bytes = size.value_or(state.payload_bytes);
    return state;
}

constexpr std::string_view kPartsAttribute = "user.pmemckpt.parts";

Result<std::string> attribute_now(View& view, fuse_ino_t id, std::string_view name) {
    const auto node = TRY(node_of(view, id));
    if (node->entry.kind == Kind::unread && name == kPartsAttribute)
        return node->entry.unread->text();
    return extended_attribute(TRY(present_entry(view, node)), name);
}

void get_extended_attribute(fuse_req_t request, fuse_ino_t id, const char* name, size_t size) {
    const auto text = attribute_now(view_of(request), id, name);
    if (text)
        reply_text(request, *text, size);
    else
        fuse_reply_err(request, text.error().code == ENODATA ? ENODATA : errno_of_name(text.error()));
}

void list_extended_attributes(fuse_req_t request, fuse_ino_t id, size_t size) {
    const auto node = node_of(view_of(request), id);
    if (!node) {
        fuse_reply_err(request, errno_of_name(node.error()));
        return;
    }
    std::string names;
    for (const auto& name : extended_attribute_names((*node)->entry))
        names.append(name).push_back('\0');
    if ((*node)->entry.kind == Kind::unread)
        names.append(kPartsAttribute).push_back('\0');
    reply_text(request, names, size);
}

void get_space(fuse_req_t request, fuse_ino_t) {
    const auto pool = view_of(request).source->pool();
    if (!pool) {
        fuse_reply_err(request, errno_of_name(pool.error()));
        return;
    }
    struct statvfs space {};
    space.f_bsize = space.f_frsize = pool->page_size;
    space.f_blocks = pool->pages;
    space.f_bfree = space.f_bavail = pool->free_pages;
    space.f_files = pool->generations;
    space.f_namemax = kMaximumNameBytes;
    fuse_reply_statfs(request, &space);
}

// The kernel refuses changes of a file system mounted read-only; these are for one remounted otherwise.
template <class... Arguments>
void refuse(fuse_req_t request, Arguments...) {
    fuse_reply_err(request, EROFS);
}

void set_changing_operations(fuse_lowlevel_ops& table) {
    table.setattr = refuse;
    table.mknod = refuse;
    table.mkdir = refuse;
    table.unlink = refuse;
    table.rmdir = refuse;
    table.symlink = refuse;
    table.rename = refuse;
    table.link = refuse;
    table.create = refuse;
    table.setxattr = refuse;
    table.removexattr = refuse;
    table.fallocate = refuse;
}

fuse_lowlevel_ops make_operations() {
    fuse_lowlevel_ops table{};
    table.init = initialize;
    table.lookup = guarded<look_up>;
    table.forget = forget;
    table.forget_multi = forget_several;
    table.getattr = guarded<get_attributes>;
    table.getxattr = guarded<get_extended_attribute>;
    table.listxattr = guarded<list_extended_attributes>;
    table.statfs = guarded<get_space>;
    table.open = guarded<open_file>;
    table.read = guarded<read_file>;
    table.flush = guarded<close_file>;
    table.release = guarded<release_file>;
    table.opendir = guarded<open_folder>;
    table.readdir = guarded<read_folder>;
    table.readdirplus = guarded<read_folder_plus>;
    table.releasedir = guarded<release_folder>;
    set_changing_operations(table);
    return table;
}

}  // namespace

const fuse_lowlevel_ops& operations() {
    static const fuse_lowlevel_ops table = make_operations();
    return table;
}

int errno_of_name(const Error& error) {
    switch (error.code) {
        case ENOENT:
        case ENODATA: return ENOENT;
        case ENOTDIR:
        case ENAMETOOLONG:
        case ESTALE:
        case EROFS:
        case EISDIR:
        case EAGAIN:
        case EBADF: return error.code;
        case ENOMEM: return ENOMEM;
        case EMFILE:
        case ENOSPC: log_failure(error); return ENFILE;  // of generations that a session may have open
        case EACCES:
        case EPERM:
        case EKEYREJECTED: log_failure(error); return EACCES;
        default:
            if (is_connection_error(error.code))
                return ENOTCONN;  // logged when it was lost
            log_failure(error);
            return EIO;
    }
}

int errno_of_read(const Error& error) {
    if (error.code == ESTALE || error.code == EBADF || error.code == ENOSPC)
        return error.code;
    if (!is_connection_error(error.code))
        log_failure(error);
    return EIO;
}

Result<std::shared_ptr<Node>> node_of(View& view, fuse_ino_t id) {
    if (auto node = view.inodes.find(id))
        return node;
    return fail(ESTALE, "inode {} is not known", id);
}

Result<Entry> present_entry(View& view, const std::shared_ptr<Node>& node) {
    auto entry = node->entry;
    if (entry.kind == Kind::log)
        entry.log = TRY(present_log(view, node));
    entry.changed = node->changed(entry.length());
    return entry;
}

fuse_entry_param describe(const View& view, const Entry& entry, double name_seconds) {
    fuse_entry_param reply{};
    reply.attr = attributes(entry, view.owner);
    reply.attr_timeout = is_changing(entry) ? kChangingSeconds : kAttributeSeconds;
    reply.entry_timeout = is_changing(entry) ? kChangingSeconds : name_seconds;
    return reply;
}

}  // namespace pmemckpt::view
