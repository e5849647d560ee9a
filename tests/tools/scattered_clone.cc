// scattered_clone REGION SIZE: a generation of SIZE bytes, then a clone of it with 1 % of them dirty, in
// scattered ranges of 4 KiB. Counts what the client's socket sent for the clone, and reads both generations
// back whole. Nothing here has the image in memory: each of its words follows from its place.
#include <dirent.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "lib/base/crc32c.hh"
#include "lib/client/client.hh"
#include "tests/support/check.hh"

namespace {

using namespace pmemckpt;

constexpr std::uint64_t kDirtyRange = 4 * kKiB;
constexpr std::uint64_t kDirtyPart = 100;  // one of so many bytes
constexpr std::uint64_t kPiece = 16 * kMiB;
constexpr std::uint64_t kWord = sizeof(std::uint64_t);

std::uint64_t word_at(std::uint64_t place, std::uint64_t version) {
    const auto mixed = (place + (version << 40)) * 0x9e3779b97f4a7c15;
    return mixed ^ mixed >> 29;
}

/// `at` and the size are multiples of a word.
void fill(std::span<std::byte> bytes, std::uint64_t at, std::uint64_t version) {
    for (std::uint64_t within = 0; within < bytes.size(); within += kWord) {
        const auto word = word_at((at + within) / kWord, version);
        std::memcpy(bytes.data() + within, &word, kWord);
    }
}

/// One range in each of as many equal parts of the whole, anywhere in it: so they neither touch nor repeat.
std::vector<Extent> scatter(std::uint64_t size) {
    const auto count = divide_up(size / kDirtyPart, kDirtyRange);
    const auto part = size / count;
    std::vector<Extent> dirty;
    for (std::uint64_t index = 0; index < count; ++index) {
        const auto shift = test::generator()() % (part - kDirtyRange);
        dirty.push_back({{(index * part + shift) / kWord * kWord}, {kDirtyRange}});
    }
    return dirty;
}

/// What the generation has at [at, at + size): the base where `dirty` says nothing else.
void fill_image(std::span<std::byte> bytes, std::uint64_t at, const std::vector<Extent>& dirty) {
    fill(bytes, at, 1);
    const auto end = at + bytes.size();
    auto range = std::partition_point(dirty.begin(), dirty.end(), [&](const Extent& extent) {
        return extent.at.bytes + extent.size.bytes <= at;
    });
    for (; range != dirty.end() && range->at.bytes < end; ++range) {
        const auto from = std::max(at, range->at.bytes);
        const auto to = std::min(end, range->at.bytes + range->size.bytes);
        fill(bytes.subspan(from - at, to - from), from, 2);
    }
}

struct Sent {
    std::uint64_t bytes = 0, again = 0;  ///< all that went to the network, and what of it was sent before
};

/// Of the one TCP connection that this process has.
Sent count_sent() {
    std::vector<Sent> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        const int file = std::stoi(entry.path().filename());
        sockaddr_storage peer{};
        socklen_t peer_size = sizeof peer;
        tcp_info info{};
        socklen_t size = sizeof info;
        if (::getpeername(file, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0 ||
            ::getsockopt(file, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
            continue;
        CHECK(size >= offsetof(tcp_info, tcpi_bytes_retrans) + sizeof info.tcpi_bytes_retrans);
        found.push_back({info.tcpi_bytes_sent, info.tcpi_bytes_retrans});
    }
    test::equal(found.size(), std::size_t{1});
    return found[0];
}

class Stopwatch {
public:
    /// Since it was made, or asked last.
    double seconds() {
        const auto now = std::chrono::steady_clock::now();
        return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

wire::Generation write_base(client::Client& client, const std::string& region, std::uint64_t size) {
    const auto writer = test::ok(client.begin(region, size));
    std::vector<std::byte> piece(kPiece);
    for (std::uint64_t at = 0; at < size; at += kPiece) {
        const auto part = std::span(piece).first(std::min(kPiece, size - at));
        fill(part, at, 1);
        test::ok(writer->write(at, part));
        test::ok(writer->flush());
    }
    return test::ok(writer->seal());
}

wire::Generation write_clone(client::Client& client, const std::string& region, std::uint64_t size,
                             const std::vector<Extent>& dirty) {
    std::vector<std::byte> fresh(dirty.size() * kDirtyRange);
    for (std::size_t index = 0; index < dirty.size(); ++index)
        fill(std::span(fresh).subspan(index * kDirtyRange, kDirtyRange), dirty[index].at.bytes, 2);
    const auto buffer = test::ok(client.register_memory(fresh));
    const auto writer = test::ok(client.begin_clone(region, size, dirty));
    for (std::size_t index = 0; index < dirty.size(); ++index)
        test::ok(writer->write(dirty[index].at.bytes, buffer, index * kDirtyRange, kDirtyRange));
    return test::ok(writer->seal());
}

void read_back(client::Client& client, const std::string& region, const wire::Generation& generation,
               const std::vector<Extent>& dirty) {
    const auto reader = test::ok(client.open(region, generation.number));
    std::vector<std::byte> piece(kPiece), wanted(kPiece);
    std::uint32_t crc = 0;
    for (std::uint64_t at = 0; at < generation.length; at += kPiece) {
        const auto size = std::min(kPiece, generation.length - at);
        const auto part = std::span(wanted).first(size);
        fill_image(part, at, dirty);
        crc = crc32c(part, crc);
        test::equal(test::ok(reader->read(at, std::span(piece).first(size))), size);
        if (std::memcmp(piece.data(), wanted.data(), size) != 0)
            throw test::Failure(fmt::format("generation {} differs within {} bytes from byte {} on",
                                            generation.number, size, at));
    }
    test::equal(reader->generation().crc32c, crc);
    test::equal(generation.crc32c, crc);
}

void run(const std::string& region, std::uint64_t size) {
    const auto client = test::ok(client::Client::connect({}));
    test::generator().seed(test::seed());
    const auto dirty = scatter(size);
    const auto dirty_bytes = dirty.size() * kDirtyRange;
    Stopwatch watch;
    const auto base = write_base(*client, region, size);
    fmt::print("base: {} bytes written in {:.1f} s\n", size, watch.seconds());
    const auto before = count_sent();
    const auto clone = write_clone(*client, region, size, dirty);
    const auto after = count_sent();
    const auto sent = after.bytes - before.bytes;
    fmt::print("clone: {} ranges, {} dirty bytes, {} sent ({:.4f} times; {} of them again), in {:.1f} s\n",
               dirty.size(), dirty_bytes, sent, static_cast<double>(sent) / static_cast<double>(dirty_bytes),
               after.again - before.again, watch.seconds());
    CHECK(before.bytes > size);  // the counter counts: the base went through this socket
    CHECK(sent >= dirty_bytes && sent <= dirty_bytes + dirty_bytes / 10);
    test::equal(clone.number, base.number + 1);
    read_back(*client, region, clone, dirty);
    fmt::print("clone: read back in {:.1f} s\n", watch.seconds());
    read_back(*client, region, base, {});
    fmt::print("base: read back in {:.1f} s\n", watch.seconds());
}

}  // namespace

int main(int argc, char** argv) {
    const auto size = argc == 3 ? parse_size(argv[2]) : fail(EINVAL, "usage: scattered_clone REGION SIZE");
    if (!size || *size % kWord != 0 || *size < kMiB) {
        fmt::print(stderr, "scattered_clone: {}\n",
                   size ? "the size is too small or odd" : size.error().message);
        return 2;
    }
    try {
        run(argv[1], *size);
    } catch (const std::exception& failure) {
        fmt::print(stderr, "scattered_clone: {} (SEED={})\n", failure.what(), test::seed());
        return 1;
    }
    return 0;
}
