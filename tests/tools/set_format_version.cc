// Gives a pool another major format version, checksums and all: what a later release's pool looks like to
// this one. Usage: set_format_version POOL VERSION
#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <string_view>

#include "lib/format/little.hh"
#include "lib/format/superblock.hh"
#include "tests/support/pool_key.hh"

namespace {

using namespace pmemckpt;

Status change_copy(std::fstream& pool, std::uint64_t offset, std::uint16_t version) {
    format::SuperblockBytes bytes{};
    pool.seekg(static_cast<std::streamoff>(offset));
    pool.read(reinterpret_cast<char*>(bytes.data()), bytes.size());
    if (!pool)
        return fail(EIO, "no superblock can be read at {}", offset);
    if (format::read_superblock(bytes).state != format::SuperblockState::valid)
        return fail(EUCLEAN, "there is no valid superblock at {}", offset);
    constexpr std::size_t kVersionAt = 12;
    const format::LittleU16 little = version;
    std::memcpy(bytes.data() + kVersionAt, &little, sizeof little);
    test::mend_superblock(bytes);
    pool.seekp(static_cast<std::streamoff>(offset));
    pool.write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return pool ? Status() : fail(EIO, "the superblock at {} can't be written", offset);
}

Status change(const char* path, std::string_view text) {
    std::uint16_t version = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), version).ec != std::errc())
        return fail(EINVAL, "\"{}\" is no version", text);
    std::fstream pool(path, std::ios::in | std::ios::out | std::ios::binary);
    if (!pool)
        return fail(ENOENT, "{} can't be opened", path);
    for (const auto offset : format::kSuperblockOffset)
        TRY(change_copy(pool, offset, version));
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        fmt::print(stderr, "usage: set_format_version POOL VERSION\n");
        return 2;
    }
    const auto done = change(argv[1], argv[2]);
    if (!done)
        fmt::print(stderr, "set_format_version: {}\n", done.error().message);
    return done ? 0 : 1;
}
