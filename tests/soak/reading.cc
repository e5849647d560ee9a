#include "tests/soak/reading.hh"

#include <algorithm>
#include <cerrno>

#include "tests/soak/line.hh"

namespace soak {

namespace {

constexpr std::size_t kPiece = 300'000;  // no multiple of anything

}  // namespace

int exit_status(const ckpt::Error& error) {
    if (error.is_connection())
        return 6;
    switch (code_of(error)) {
        case EINVAL: return 2;
        case ENOENT:
        case ENODATA: return 3;
        case EBUSY: return 4;
        case ENOSPC:
        case EFBIG: return 5;
        case EBADMSG:
        case EPROTO: return 7;
        case EACCES:
        case EPERM:
        case EKEYREJECTED:
        case ESTALE: return 8;
        default: return 1;
    }
}

Bytes read_whole(const ckpt::Reader& reader) {
    Bytes bytes(reader.generation().length);
    for (std::size_t at = 0; at < bytes.size();) {
        const auto got = reader.read(at, bytes.data() + at, std::min(kPiece, bytes.size() - at));
        if (got == 0) {
            say("wrong", {},
                "generation " + std::to_string(reader.generation().number) + " ends at " +
                    std::to_string(at) + " of " + std::to_string(bytes.size()) + " bytes");
            break;
        }
        at += got;
    }
    return bytes;
}

void look_at_image(View image, const std::string& what) {
    if (const auto fault = fault_of_image(image); !fault.empty())
        say("wrong", {}, what + ": " + fault);
}

void look_at_record(View record, const std::string& what) {
    if (const auto fault = fault_of_record(record); !fault.empty())
        say("wrong", {}, what + ": " + fault);
}

View bytes_of(const ckpt::Record& record) {
    return {static_cast<const std::byte*>(record.bytes), record.size};
}

}  // namespace soak
