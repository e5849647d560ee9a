#pragma once
// How --json prints.
#include <nlohmann/json.hpp>
#include <string>

namespace pmemckpt::ctl {

using Json = nlohmann::ordered_json;

/// With a newline at its end. Bytes that are no UTF-8, as a file's name may have, become U+FFFD.
std::string text(const Json& json);

}  // namespace pmemckpt::ctl
