#include "lib/sync/table_copy.hh"

#include <sodium.h>

#include <algorithm>
#include <cerrno>

namespace pmemckpt::sync {

namespace {

constexpr std::uint16_t kVersion = 1;

/// What a copy begins with; the encoded snapshot follows.
struct CopyHeader {
    std::array<std::uint8_t, 8> magic = kTableMagic;
    std::uint16_t version = kVersion;
    std::uint64_t sequence = 0;
    std::uint32_t body_bytes = 0;
    Digest digest{};  ///< of this header with a digest of zeros, and the body
    static void fields(auto& s, auto& c) {
        c(s.magic), c(s.version), c(s.sequence), c(s.body_bytes), c(s.digest);
    }
};
constexpr std::size_t kCopyHeaderBytes = 8 + 2 + 8 + 4 + 32;

Digest digest_of_copy(CopyHeader header, std::span<const std::byte> body) {
    header.digest = {};
    wire::Encoder encoder;
    encoder(header);
    Digester digester;
    digester.add(encoder.bytes());
    digester.add(body);
    return digester.end();
}

}  // namespace

Snapshot new_participant() {
    Snapshot snapshot;
    snapshot.participant = random_uuid();
    randombytes_buf(snapshot.seed.data(), snapshot.seed.size());
    return snapshot;
}

Result<std::vector<std::byte>> encode_table_copy(std::uint64_t sequence, const Snapshot& snapshot,
                                                 const std::string& name) {
    wire::Encoder body;
    body(snapshot);
    CopyHeader header;
    header.sequence = sequence;
    header.body_bytes = static_cast<std::uint32_t>(body.bytes().size());
    header.digest = digest_of_copy(header, body.bytes());
    wire::Encoder copy;
    copy(header);
    copy.append(body.bytes());
    if (copy.bytes().size() > kTableCopyBytes)
        return fail(EMSGSIZE, "the table for {} would have {} bytes: {} at most", name, copy.bytes().size(),
                    kTableCopyBytes);
    return std::move(copy.bytes());
}

TableReading decode_table_copy(std::span<const std::byte> bytes, TableCopy& into) {
    if (std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; }))
        return TableReading::empty;
    if (bytes.size() < kCopyHeaderBytes)
        return TableReading::damaged;
    CopyHeader header;
    wire::Decoder decoder(bytes);
    decoder(header);
    if (header.magic != kTableMagic || header.body_bytes > bytes.size() - kCopyHeaderBytes)
        return TableReading::damaged;
    const auto body = bytes.subspan(kCopyHeaderBytes, header.body_bytes);
    if (digest_of_copy(header, body) != header.digest)
        return TableReading::damaged;
    if (header.version != kVersion)
        return TableReading::other_version;
    auto snapshot = wire::decode_body<Snapshot>(body);
    if (!snapshot || !snapshot->table.is_sound())
        return TableReading::damaged;
    into.sequence = header.sequence;
    into.snapshot = std::move(*snapshot);
    return TableReading::good;
}

bool begins_as_first_table_copy(std::span<const std::byte> bytes) {
    CopyHeader header;
    wire::Decoder decoder(bytes);
    decoder(header);
    return header.magic == kTableMagic && header.sequence == kFirstTableSequence;
}

}  // namespace pmemckpt::sync
