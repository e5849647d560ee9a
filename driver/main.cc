// pmemckptd: the manager. It opens its pools and proves their keys, listens, and serves sessions until it is
// told to stop. See pmemckptd.8.
#include "driver/main_loop.hh"
#include "lib/base/exit_status.hh"
#include "lib/base/last_words.hh"
#include "lib/base/log.hh"

int main(int argc, char** argv) {
    pmemckpt::set_last_words("pmemckptd",
                             "; ending at once: what was not sealed is gone, what was sealed is safe");
    const auto served = pmemckpt::driver::run(argc, argv);
    if (served)
        return pmemckpt::kExitSuccess;
    pmemckpt::log::error("{}", served.error().message);
    return pmemckpt::exit_status(served.error().code);
}
