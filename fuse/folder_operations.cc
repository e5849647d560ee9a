// Folders: listed once for each reading from the beginning; an offset is the number of lines before it.
#include <algorithm>
#include <cerrno>

#include "fuse/reply.hh"

namespace pmemckpt::view {

namespace {

constexpr off_t kDots = 2;  // "." and ".." come first

/// A reply being filled.
struct Page {
    std::vector<char> bytes;
    std::size_t used = 0;
    std::vector<NodeId> counted;  // look-ups that this reply tells the kernel of
};

Listed dot(const Node& folder, off_t which) {
    // ".." of a folder below the top has a number that nobody looks at: the kernel knows the parent itself.
    return {which == 0 ? "." : "..", inode_number(folder.entry), true, {}};
}

bool add_plain(fuse_req_t request, Page& page, const Listed& line, off_t next) {
    struct stat attributes {};
    attributes.st_ino = line.inode;
    attributes.st_mode = line.is_folder ? S_IFDIR : S_IFREG;
    const auto room = page.bytes.size() - page.used;
    const auto size =
        fuse_add_direntry(request, page.bytes.data() + page.used, room, line.name.c_str(), &attributes, next);
    if (size > room)
        return false;
    page.used += size;
    return true;
}

// With its attributes where they are known and the name stays true for a while; else node 0, which says
// "look it up if you want it".
bool add_plus(fuse_req_t request, Page& page, const Listed& line, off_t next) {
    auto& view = view_of(request);
    fuse_entry_param reply{};
    reply.attr.st_ino = line.inode;
    reply.attr.st_mode = line.is_folder ? S_IFDIR : S_IFREG;
    if (line.entry)
        reply = describe(view, *line.entry, kStableNameSeconds);
    const auto room = page.bytes.size() - page.used;
    if (fuse_add_direntry_plus(request, nullptr, 0, line.name.c_str(), nullptr, 0) > room)
        return false;
    if (line.entry) {
        page.counted.reserve(page.counted.size() + 1);
        reply.ino = view.inodes.look_up(*line.entry)->id;
        page.counted.push_back(reply.ino);
    }
    page.used +=
        fuse_add_direntry_plus(request, page.bytes.data() + page.used, room, line.name.c_str(), &reply, next);
    return true;
}

Status list_again(View& view, const Node& node, OpenFolder& folder) {
    folder.lines = TRY(view.tree.list(node.entry));
    folder.listed = true;
    return {};
}

using Add = bool (*)(fuse_req_t, Page&, const Listed&, off_t);

void fill(fuse_req_t request, Page& page, const Node& node, const OpenFolder& folder, off_t offset, Add add) {
    for (auto at = offset; at < kDots; ++at)
        if (!add(request, page, dot(node, at), at + 1))
            return;
    const auto first = static_cast<std::size_t>(std::max(offset, kDots) - kDots);
    for (auto at = first; at < folder.lines.size(); ++at)
        if (!add(request, page, folder.lines[at], static_cast<off_t>(at) + 1 + kDots))
            return;
}

Result<Page> read_lines(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset,
                        const fuse_file_info& info, Add add) {
    constexpr std::size_t kMaximumPageBytes = 1 << 20;
    auto& view = view_of(request);
    const auto node = TRY(node_of(view, id));
    const auto folder = view.folders.find(info.fh);
    if (!folder || offset < 0)
        return fail(EBADF, "a read of a folder that is not open");
    std::lock_guard lock(folder->mutex);
    if (offset == 0 || !folder->listed)
        TRY(list_again(view, *node, *folder));
    Page page;
    page.bytes.resize(std::min(size, kMaximumPageBytes));
    fill(request, page, *node, *folder, offset, add);
    return page;
}

void reply_lines(fuse_req_t request, const Result<Page>& page) {
    auto& view = view_of(request);
    if (!page)
        fuse_reply_err(request, errno_of_name(page.error()));
    else if (fuse_reply_buf(request, page->bytes.data(), page->used) < 0)
        for (const auto id : page->counted)
            view.inodes.forget(id, 1);
}

}  // namespace

void open_folder(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    auto& view = view_of(request);
    info->fh = view.folders.add(std::make_shared<OpenFolder>());
    if (fuse_reply_open(request, info) < 0)
        view.folders.remove(info->fh);
}

void read_folder(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info* info) {
    reply_lines(request, read_lines(request, id, size, offset, *info, add_plain));
}

void read_folder_plus(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info* info) {
    reply_lines(request, read_lines(request, id, size, offset, *info, add_plus));
}

void release_folder(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    const auto closed = view_of(request).folders.remove(info->fh);
    fuse_reply_err(request, 0);
}

}  // namespace pmemckpt::view
