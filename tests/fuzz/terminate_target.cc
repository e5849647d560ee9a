// What a peer says when it ends a connection, and what is said to one.
//
// input: a Terminate message as it is received; the same bytes are a segment that broke a rule
#include <cerrno>
#include <cstring>

#include "lib/rdma/iwarp/terminate.hh"
#include "tests/fuzz/input.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::rdma::iwarp;

namespace {

void use_named(Rule named) {
    CHECK(!describe(named).empty());
    CHECK(error_code(named) == (is_protection(named) ? EACCES : EPROTO));
}

/// What is said back names the rule, and fits.
void answer(Rule rule, std::span<const std::byte> bytes) {
    fuzz::Input segment(bytes);
    Terminate terminate;
    terminate.rule = rule;
    terminate.segment_bytes = segment.number();
    const bool has_request = segment.byte() % 2 == 1;
    const auto header = segment.piece(terminate.header.size());
    std::ranges::copy(header, terminate.header.begin());
    if (has_request)
        std::ranges::copy(segment.piece(kReadRequestBytes), terminate.request.emplace().begin());
    std::array<std::byte, kMaximumTerminate> encoded{};
    const auto size = encode(terminate, encoded.data());
    CHECK(size >= kTerminateControlBytes && size <= encoded.size());
    CHECK(decode_terminate(std::span(encoded).first(size)) == rule);
}

void run(std::span<const std::byte> bytes) {
    const auto named = decode_terminate(bytes);
    CHECK(named.has_value() == (bytes.size() >= kTerminateControlBytes));
    if (!named)
        return;
    use_named(*named);
    answer(*named, bytes.subspan(kTerminateControlBytes));
}

std::vector<fuzz::Seed> seeds() {
    std::vector<fuzz::Seed> all;
    Terminate terminate;
    const auto add = [&](const char* name) {
        std::array<std::byte, kMaximumTerminate> bytes{};
        const auto size = encode(terminate, bytes.data());
        all.push_back({name, fuzz::Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size))});
    };
    terminate.rule = rule::kCrc;
    add("alone");
    terminate.rule = rule::kBounds;
    terminate.segment_bytes = 100;
    terminate.header[0] = std::byte{0xc1};
    add("with-a-tagged-header");
    terminate.rule = rule::kSourceBounds;
    terminate.header[0] = std::byte{0x41};
    terminate.request.emplace();
    add("with-a-read-request");
    return all;
}

}  // namespace

const fuzz::Target pmemckpt::fuzz::target{run, seeds};
