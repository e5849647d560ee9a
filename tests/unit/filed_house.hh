#pragma once
// Served files, for tests: their sync points, and what they were at each.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/check.hh"
#include "utils/pmemckpt-filed/files.hh"

namespace pmemckpt::test {

inline constexpr std::uint64_t kSession = 1;
inline constexpr std::uint32_t kReadWrite = filed::kOpenRead | filed::kOpenWrite;
inline constexpr std::uint32_t kMake = kReadWrite | filed::kOpenCreate;

inline std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

inline std::string text_of(std::size_t size) {
    const auto bytes = random_bytes(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Served files, their sync points, and what their programs would keep of them.
struct House {
    House() {
        std::filesystem::create_directory(path);
        start();
    }
    void start() { files.reset(), files = ok(filed::Files::open(path)); }

    std::uint32_t open(const std::string& name, std::uint32_t flags = kMake) {
        return ok(files->open(kSession, name, flags, 0644));
    }
    void write(std::uint32_t file, const std::string& text) {
        equal(ok(files->write(kSession, file, bytes_of(text))).bytes, text.size());
    }
    void seek(std::uint32_t file, std::int64_t to) {
        ok(files->seek(kSession, file, to, filed::Whence::begin));
    }
    void make(const std::string& name, const std::string& text) {
        const auto file = open(name);
        write(file, text);
        ok(files->close(kSession, file));
    }
    static sync::SyncPointId id_of(std::uint64_t number) { return {number, Uuid{5}}; }
    Status try_to_save(std::uint64_t number, std::uint8_t tag = 5) {
        std::vector<std::byte> state;
        TRY(files->program().save({number, Uuid{tag}}, [&](std::span<const std::byte> bytes) {
            state.insert(state.end(), bytes.begin(), bytes.end());
            return Status();
        }));
        states[number] = state;
        return {};
    }
    void save(std::uint64_t number) {
        ok(try_to_save(number));
        trees[number] = tree();
    }
    Status restore(std::uint64_t number, std::uint8_t tag = 5) {
        return files->program().restore(
            {number, Uuid{tag}},
            [&, at = std::size_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
                const auto& state = states[number];
                const auto count = std::min(into.size(), state.size() - at);
                std::copy_n(state.begin() + static_cast<std::ptrdiff_t>(at), count, into.begin());
                at += count;
                return count;
            });
    }
    /// All that is served: names and bytes.
    std::map<std::string, std::string> tree() const {
        std::map<std::string, std::string> all;
        for (auto at = std::filesystem::recursive_directory_iterator(path); at != std::filesystem::end(at);
             ++at) {
            if (at->path().filename() == filed::kOwnFolder) {
                at.disable_recursion_pending();
                continue;
            }
            if (!at->is_directory() && !at->is_regular_file())
                continue;
            std::ifstream in(at->path(), std::ios::binary);
            all[at->path().lexically_relative(path)] =
                at->is_directory() ? "a folder" : std::string(std::istreambuf_iterator<char>(in), {});
        }
        return all;
    }
    void check_is(std::uint64_t number, const Place& place = Place::current()) const {
        const auto now = tree();
        const auto& then = trees.at(number);
        if (now.size() != then.size())
            fail_at(place, fmt::format("{} names are there, and were {}", now.size(), then.size()));
        for (const auto& [name, bytes] : then)
            if (const auto found = now.find(name); found == now.end() || found->second != bytes)
                fail_at(place, fmt::format("{} is not what it was", name));
    }
    std::uint64_t position(std::uint32_t file) {
        return ok(files->seek(kSession, file, 0, filed::Whence::position)).position;
    }

    const std::string path = (directory() / "served").string();
    std::unique_ptr<filed::Files> files;
    std::map<std::uint64_t, std::vector<std::byte>> states;
    std::map<std::uint64_t, std::map<std::string, std::string>> trees;
};

}  // namespace pmemckpt::test
