#include "lib/base/result.hh"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace pmemckpt {

Error system_error(int code, std::string what) {
    char buffer[128];
    what += ": ";
    what += strerror_r(code, buffer, sizeof buffer);
    return {code, std::move(what)};
}

void require(bool holds, const char* what) {
    if (holds) [[likely]]
        return;
    std::fprintf(stderr, "pmemckpt: a programming error: %s does not hold; please report it\n", what);
    std::abort();
}

}  // namespace pmemckpt
