#pragma once
// The file system's operations, for libfuse's low-level interface. The session's user data is a View.
struct fuse_lowlevel_ops;

namespace pmemckpt::view {

const fuse_lowlevel_ops& operations();

}  // namespace pmemckpt::view
