#pragma once
// One mounted view: what all its operations share.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fuse/entry.hh"
#include "fuse/handles.hh"
#include "fuse/inode_table.hh"
#include "fuse/source.hh"
#include "fuse/tree.hh"

namespace pmemckpt::view {

/// A sealed generation, or something else.
struct OpenFile {
    std::shared_ptr<Content> content;
    std::shared_ptr<Stream> stream;
};

/// A folder as it was when it was last read from its beginning; so offsets stay what they are.
struct OpenFolder {
    std::mutex mutex;  // guards `lines`; the kernel may read one open folder from two threads
    bool listed = false;
    std::vector<Listed> lines;
};

struct View {
    View(std::unique_ptr<Source> from, Owner whose) : source(std::move(from)), tree(*source), owner(whose) {}

    const std::unique_ptr<Source> source;
    Tree tree;
    const Owner owner;
    InodeTable inodes;
    Handles<OpenFile> files;
    Handles<OpenFolder> folders;
};

/// JSON, for /.status.
std::string status_text(View& view);

}  // namespace pmemckpt::view
