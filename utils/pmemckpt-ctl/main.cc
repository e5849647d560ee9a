// pmemckpt-ctl: makes pools, keys and regions; saves and restores; lists. See pmemckpt-ctl.1.
#include <csignal>

#include "lib/base/last_words.hh"
#include "utils/pmemckpt-ctl/command_table.hh"

int main(int argc, char** argv) {
    pmemckpt::set_last_words("pmemckpt-ctl");
    // A closed pipe, and a file that may not grow, are errors with a sentence, not a silent end.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    return pmemckpt::ctl::run(argc, argv);
}
