#pragma once
// Records to append, and what a log has of them.
#include <string>
#include <vector>

#include "tests/unit/client_fixture.hh"

namespace pmemckpt::test {

using Records = std::vector<std::vector<std::byte>>;

inline std::vector<std::byte> bytes_of(const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}
inline std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What comes next, until nothing does; sequences are checked.
inline Records read_on(client::LogReader& log, std::uint64_t first = 1) {
    Records records;
    while (auto record = ok(log.next())) {
        equal(record->sequence, first + records.size());
        records.push_back(std::move(record->bytes));
    }
    return records;
}
inline Records all_records(client::Client& client, const std::string& region) {
    return read_on(*ok(client.read_log(region)));
}

}  // namespace pmemckpt::test
