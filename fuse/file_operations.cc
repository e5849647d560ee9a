// Files: a generation stays the one it was at its open, readable until it is closed.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "fuse/reply.hh"
#include "lib/base/handle.hh"

namespace pmemckpt::view {

namespace {

constexpr std::size_t kBufferAlignment = 4096;
constexpr std::size_t kMaximumReadBytes = 1 << 20;  // the kernel's: 256 pages

// A thread's own, kept: a read allocates nothing.
Result<std::span<std::byte>> read_buffer(std::size_t size) {
    thread_local std::unique_ptr<void, Closer<std::free>> buffer;
    if (!buffer)
        buffer.reset(std::aligned_alloc(kBufferAlignment, kMaximumReadBytes));
    if (!buffer)
        return fail(ENOMEM, "no memory for a buffer of {} bytes", kMaximumReadBytes);
    return std::span(static_cast<std::byte*>(buffer.get()), std::min(size, kMaximumReadBytes));
}

// One Content for all opens of a generation.
Result<std::shared_ptr<Content>> open_content(View& view, Node& node) {
    std::lock_guard lock(node.open_mutex);
    if (auto content = node.content.lock())
        return content;
    auto content = TRY(view.tree.open(node.entry));
    node.content = content;
    return content;
}

// Each open has its own: readers in different places don't wait for each other. The node knows one of them,
// to ask it for its size when it has ended.
Result<std::shared_ptr<LogContent>> open_log(View& view, const std::shared_ptr<Node>& node) {
    const auto now = TRY(view.tree.present_log(node->entry, node->log_id()));
    if (!now)
        return fail(ESTALE, "the log of {} behind generation {} has ended", node->entry.path,
                    node->entry.log.generation);
    view.inodes.adopt(node, *now);
    auto log = TRY(view.source->open_log(node->entry.path, *now));
    node->add_log(log);
    return log;
}

Result<std::shared_ptr<OpenFile>> open_node(View& view, fuse_ino_t id, int flags) {
    const auto node = TRY(node_of(view, id));
    if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
        return fail(EROFS, "what is sealed never changes");
    auto file = std::make_shared<OpenFile>();
    const auto& entry = node->entry;
    switch (entry.kind) {
        case Kind::generation: file->content = TRY(open_content(view, *node)); break;
        case Kind::log: file->stream = TRY(open_log(view, node)); break;
        case Kind::unread: file->stream = TRY(Unread::open(*view.source, entry.path, entry.unread)); break;
        case Kind::status: file->stream = std::make_shared<TextStream>(status_text(view)); break;
        default: return fail(EISDIR, "a folder is not read as a file");
    }
    return file;
}

Result<std::span<const std::byte>> read_content(Content& content, std::size_t size, std::uint64_t at) {
    const auto length = content.generation().length;
    if (at >= length)
        return std::span<const std::byte>();
    auto buffer = TRY(read_buffer(std::min<std::uint64_t>(size, length - at)));
    const auto got = TRY(content.read(at, buffer));
    if (got != buffer.size())
        return fail(EIO, "a read of {} bytes at {} brought {}", buffer.size(), at, got);
    return buffer;
}

Result<std::span<const std::byte>> read_open(const OpenFile* file, std::size_t size, off_t offset,
                                             std::uint64_t owner) {
    if (!file || offset < 0)
        return fail(EBADF, "a read of a file that is not open");
    const auto at = static_cast<std::uint64_t>(offset);
    if (file->content)
        return read_content(*file->content, size, at);
    const auto buffer = TRY(read_buffer(size));
    return buffer.first(TRY(file->stream->read_for(owner, at, buffer)));
}

}  // namespace

void open_file(fuse_req_t request, fuse_ino_t id, fuse_file_info* info) {
    auto& view = view_of(request);
    const auto file = open_node(view, id, info->flags);
    if (!file) {
        fuse_reply_err(request, errno_of_name(file.error()));
        return;
    }
    const bool sealed = (*file)->content != nullptr;
    info->fh = view.files.add(*file);
    info->noflush = sealed;
    info->keep_cache = sealed;
    info->direct_io = !sealed;
    if (fuse_reply_open(request, info) < 0)
        view.files.remove(info->fh);  // interrupted: no release will come
}

void read_file(fuse_req_t request, fuse_ino_t, size_t size, off_t offset, fuse_file_info* info) {
    const auto file = view_of(request).files.find(info->fh);
    const auto bytes = read_open(file.get(), size, offset, info->lock_owner);
    if (bytes)
        fuse_reply_buf(request, reinterpret_cast<const char*>(bytes->data()), bytes->size());
    else
        fuse_reply_err(request, errno_of_read(bytes.error()));
}

// close(2), by each process that has it open.
void close_file(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    const auto file = view_of(request).files.find(info->fh);
    const auto closed = file && file->stream ? file->stream->close(info->lock_owner) : Status();
    fuse_reply_err(request, closed ? 0 : errno_of_read(closed.error()));
}

void release_file(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    const auto closed = view_of(request).files.remove(info->fh);
    fuse_reply_err(request, 0);
}

}  // namespace pmemckpt::view
