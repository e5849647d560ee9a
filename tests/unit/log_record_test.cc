#include "lib/format/log_record.hh"

#include <cstring>

#include "lib/base/crc32c.hh"
#include "tests/support/check.hh"

using namespace pmemckpt;
using namespace pmemckpt::format;

namespace {

constexpr LogPosition kLast{6, 3, 2};
constexpr LogBounds kBounds{0xabc, 5, 4};

LogRecordHeader sample(std::span<const std::byte> payload) {
    LogRecordHeader header;
    header.magic = kLogRecordMagic;
    header.log_id = kBounds.log_id;
    header.sequence = kLast.sequence + 1;
    header.epoch = 4;
    header.length = payload.size();
    header.term = 3;
    header.crc32c = log_record_crc(header, payload);
    return header;
}

std::optional<LogRecordHeader> claim(const LogRecordHeader& header, std::uint64_t room = 4096) {
    return claimed_log_record(std::as_bytes(std::span(&header, 1)), kLast, kBounds, room);
}

void lies_as_it_is_specified() {
    LogRecordHeader header = sample(std::vector(3, std::byte{'x'}));
    std::byte bytes[kLogRecordHeaderBytes];
    std::memcpy(bytes, &header, sizeof header);
    CHECK(std::memcmp(bytes, "PLOG", 4) == 0);
    const unsigned char rest[] = {0xbc, 0x0a, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0,
                                  0,    0,    0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0};
    static_assert(sizeof rest == kLogRecordHeaderBytes - 8);
    CHECK(std::memcmp(bytes + 8, rest, sizeof rest) == 0);
    std::vector<std::byte> checked(bytes + 8, bytes + sizeof bytes);
    checked.resize(checked.size() + 3, std::byte{'x'});
    test::equal(std::uint32_t{header.crc32c}, crc32c(checked));
}

void sizes_are_padded() {
    test::equal(log_record_bytes(1), std::uint64_t{56});
    test::equal(log_record_bytes(8), std::uint64_t{56});
    test::equal(log_record_bytes(9), std::uint64_t{64});
    test::equal(log_record_bytes(kMaximumLogPayload), kGiB + 48);
}

void the_checksum_may_come_in_pieces() {
    const auto payload = test::random_bytes(10'000);
    const auto header = sample(payload);
    auto crc = log_header_crc(header);
    for (std::size_t at = 0; at < payload.size(); at += 777)
        crc = crc32c(std::span(payload).subspan(at, std::min<std::size_t>(777, payload.size() - at)), crc);
    test::equal(crc, std::uint32_t{header.crc32c});
}

void only_the_next_record_will_do() {
    const auto payload = test::random_bytes(100);
    const auto good = sample(payload);
    CHECK(claim(good));
    const auto refused = [&](auto change) {
        auto header = good;
        change(header);
        CHECK(!claim(header));
    };
    refused([](auto& h) { h.magic = kLogRecordMagic + 1; });
    refused([](auto& h) { h.log_id = kBounds.log_id + 1; });
    refused([](auto& h) { h.sequence = kLast.sequence; });
    refused([](auto& h) { h.sequence = kLast.sequence + 2; });
    refused([](auto& h) { h.epoch = kLast.epoch - 1; });
    refused([](auto& h) { h.epoch = kBounds.epoch + 1; });
    refused([](auto& h) { h.term = kLast.term - 1; });
    refused([](auto& h) { h.term = kBounds.term + 1; });
    refused([](auto& h) { h.zero = 1; });
    refused([](auto& h) { h.length = 0; });
    for (const auto length : {kMaximumLogPayload + 1, UINT64_MAX, UINT64_MAX - 40, UINT64_MAX - 55})
        refused([&](auto& h) { h.length = length; });
}

void the_whole_record_has_to_fit() {
    const auto header = sample(test::random_bytes(100));
    CHECK(claim(header, 152) && !claim(header, 151) && !claim(header, 0));
    const auto bytes = std::as_bytes(std::span(&header, 1));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK(!claimed_log_record(bytes.first(size), kLast, kBounds, 4096));
}

}  // namespace

int main() {
    return test::run("log_record", {{"lies_as_it_is_specified", lies_as_it_is_specified},
                                    {"sizes_are_padded", sizes_are_padded},
                                    {"the_checksum_may_come_in_pieces", the_checksum_may_come_in_pieces},
                                    {"only_the_next_record_will_do", only_the_next_record_will_do},
                                    {"the_whole_record_has_to_fit", the_whole_record_has_to_fit}});
}
