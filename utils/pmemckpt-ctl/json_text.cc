#include "utils/pmemckpt-ctl/json_text.hh"

namespace pmemckpt::ctl {

std::string text(const Json& json) {
    constexpr int kIndent = 2;
    return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace pmemckpt::ctl
