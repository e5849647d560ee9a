#pragma once
// What a manager answers is data: checked before anybody uses it. EPROTO with what can't be.
#include "lib/base/result.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::client {

Status check_answer(const wire::Region& region);
Status check_answer(const wire::Generation& generation);
Status check_answer(const wire::Cursor& cursor);
Status check_answer(const wire::Grant& grant);
/// Whether it is one of enum pmemckpt_durability.
bool is_durability(std::uint8_t method);
/// Segments side by side from where the first starts, with windows as long as they are; returns where the
/// last one ends.
Result<std::uint64_t> check_segments(const std::vector<wire::LogSegment>& segments);
/// A window of `size` bytes that doesn't wrap.
Status check_window(const wire::Window& window, std::uint64_t size);

}  // namespace pmemckpt::client
