#include "lib/base/c_api.hh"

#include <cstdio>

namespace pmemckpt::c_api {

thread_local char the_sentence[kSentenceBytes] = "";

int remember(int code, const char* sentence) noexcept {
    std::snprintf(the_sentence, sizeof the_sentence, "%s", sentence);
    return code > 0 ? -code : -EIO;
}

}  // namespace pmemckpt::c_api
