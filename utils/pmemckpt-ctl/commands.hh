#pragma once
// What the commands of pmemckpt-ctl are given, and what does them. command_table.cc fills these from argv.
#include <cstdint>
#include <string>

#include "lib/base/result.hh"
#include "lib/client/client.hh"

namespace pmemckpt::ctl {

struct Common {
    client::Options connection;
    std::string admin_socket;  ///< empty: the default one, when no server is chosen
    bool json = false;
};

struct CreatePool {
    std::string path, size, page_size;
    bool force = false;
};
Status create_pool(const Common& common, const CreatePool& request);

struct CreateKey {
    std::string principal;
    bool force = false;
};
Status create_key(const Common& common, const CreateKey& request);

struct CreateRegion {
    std::string name;
    std::uint32_t keep = 0;
    std::string max_size;
};
Status create_region(const Common& common, const CreateRegion& request);

struct DestroyRegion {
    std::string name;
    bool force = false;
};
Status destroy_region(const Common& common, const DestroyRegion& request);

struct List {
    std::string region;
    bool pools = false, sessions = false;
};
Status list(const Common& common, const List& request);

struct Save {
    std::string region, file;  ///< no file, or "-": standard input
    std::string size;          ///< at most so many bytes come; empty: a pipe is read to its end first
    bool create = false;
    std::uint32_t keep = 0;
    std::string max_size;
};
Status save(const Common& common, const Save& request);

struct Restore {
    std::string target;  ///< REGION[@N]
    std::string to;      ///< empty: standard output
};
Status restore(const Common& common, const Restore& request);

Status status(const Common& common);

/// parse_size, with 0 for an empty text.
Result<std::uint64_t> size_or_zero(const std::string& text);

}  // namespace pmemckpt::ctl
