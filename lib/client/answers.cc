#include "lib/client/answers.hh"

#include <cerrno>

#include "lib/base/rights.hh"
#include "lib/client/limits.hh"

namespace pmemckpt::client {

namespace {

constexpr std::uint64_t kLargestLog = std::uint64_t{1} << 60;  // no pool has so many bytes
constexpr std::uint8_t kLastDurability = 4;  // flush: media::Durability, pmemckpt_durability

Status check_name(const char* whose, const std::string& name) {
    if (name.empty() || name.size() > kMaximumName)
        return fail(EPROTO, "the manager sent a {} of {} bytes", whose, name.size());
    return {};
}

Status check_rights(std::uint8_t rights) {
    if (const auto known = Rights::of_bits(rights); !known)
        return fail(EPROTO, "the manager sent {}", known.error().message);
    return {};
}

}  // namespace

Status check_answer(const wire::Region& region) {
    TRY(check_rights(region.rights));
    TRY(check_name("region's name", region.name));
    return check_name("region's owner", region.owner);
}

Status check_answer(const wire::Generation& generation) {
    if (generation.number == 0)
        return fail(EPROTO, "the manager sent a generation with the number 0");
    if (!is_durability(generation.durability))
        return fail(EPROTO, "the manager sent generation {} with an unknown durability method, {}",
                    generation.number, generation.durability);
    return check_name("generation's writer", generation.writer);
}

bool is_durability(std::uint8_t method) {
    return method != 0 && method <= kLastDurability;
}

Status check_answer(const wire::Cursor& cursor) {
    return check_name("cursor's name", cursor.name);
}

Status check_answer(const wire::Grant& grant) {
    TRY(check_rights(grant.rights));
    return check_name("grantee's name", grant.grantee);
}

Result<std::uint64_t> check_segments(const std::vector<wire::LogSegment>& segments) {
    std::uint64_t end = segments.empty() ? 0 : segments.front().start;
    for (const auto& segment : segments) {
        if (segment.start != end || segment.window.size == 0 || end > kLargestLog ||
            segment.window.size > kLargestLog - end)
            return fail(EPROTO, "the manager granted {} bytes of a log at {}, where {} was next",
                        segment.window.size, segment.start, end);
        TRY(check_window(segment.window, segment.window.size));
        end += segment.window.size;
    }
    return end;
}

Status check_window(const wire::Window& window, std::uint64_t size) {
    if (window.size < size)
        return fail(EPROTO, "the manager granted a window of {} bytes for {}", window.size, size);
    if (window.base > UINT64_MAX - window.size)
        return fail(EPROTO, "the manager granted a window of {} bytes at {:#x}, beyond 2^64", window.size,
                    window.base);
    return {};
}

}  // namespace pmemckpt::client
