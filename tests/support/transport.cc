#include "tests/support/transport.hh"

#include <cstdlib>

namespace pmemckpt::test {

namespace {

std::string variable(const char* name, const char* otherwise) {
    const char* const chosen = std::getenv(name);
    return chosen && *chosen ? chosen : otherwise;
}

}  // namespace

std::string transport() {
    return variable("TEST_TRANSPORT", "iwarp");
}

std::string host() {
    return variable("TEST_HOST", "127.0.0.1");
}

}  // namespace pmemckpt::test
