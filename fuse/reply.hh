#pragma once
// What the operations have in common. libfuse's header is heavy: only operations and the mount include this.
#include <fuse_lowlevel.h>

#include <exception>

#include "fuse/view.hh"
#include "lib/base/log.hh"
#include "lib/base/result.hh"

namespace pmemckpt::view {

/// A sealed generation's attributes and a folder's never change.
inline constexpr double kAttributeSeconds = 86'400;
/// A folder, and a generation under its number: gone at the latest this long after it went.
inline constexpr double kStableNameSeconds = 1;
/// What any seal or record may change: whose the newest generation's name is, and a log.
inline constexpr double kChangingSeconds = 0;

inline View& view_of(fuse_req_t request) {
    return *static_cast<View*>(fuse_req_userdata(request));
}

/// The errno to answer with; says in the log what is not plain from it.
int errno_of_name(
    const Error& error);  ///< of look-ups and listings: ENOENT, ESTALE, ENOTCONN, EACCES, EIO, ...
int errno_of_read(const Error& error);  ///< ESTALE, EIO

/// The node, or an error when the kernel names one that it should not have.
Result<std::shared_ptr<Node>> node_of(View& view, fuse_ino_t id);

/// A log, and what is unread: it may have changed since.
inline bool is_changing(const Entry& entry) {
    return entry.kind == Kind::log || entry.kind == Kind::unread;
}
/// The node's entry as it is now.
Result<Entry> present_entry(View& view, const std::shared_ptr<Node>& node);

/// Fills everything but the node's id.
fuse_entry_param describe(const View& view, const Entry& entry, double name_seconds);

/// No exception passes through libfuse. An operation replies last, and nothing throws after that.
template <auto Operation, class... Arguments>
void guarded(fuse_req_t request, Arguments... arguments) noexcept {
    try {
        Operation(request, arguments...);
    } catch (const std::bad_alloc&) {
        fuse_reply_err(request, ENOMEM);
    } catch (const std::exception& thrown) {
        log::error("an operation failed: {}", thrown.what());
        fuse_reply_err(request, EIO);
    }
}

// file_operations.cc
void open_file(fuse_req_t request, fuse_ino_t id, fuse_file_info* info);
void read_file(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info* info);
void close_file(fuse_req_t request, fuse_ino_t id, fuse_file_info* info);
void release_file(fuse_req_t request, fuse_ino_t id, fuse_file_info* info);
// folder_operations.cc
void open_folder(fuse_req_t request, fuse_ino_t id, fuse_file_info* info);
void read_folder(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info* info);
void read_folder_plus(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info* info);
void release_folder(fuse_req_t request, fuse_ino_t id, fuse_file_info* info);

}  // namespace pmemckpt::view
