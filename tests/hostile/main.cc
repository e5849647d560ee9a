// hostile: a client that tries whatever a client can try, against a manager that runs. Speaks for itself:
// nothing of the library is between it and the wire.
//
//     hostile SERVER POOL KEY-DIRECTORY MANAGER-PID MANAGER-LOG [PATTERN]
//
// SERVER is HOST:PORT; the pool is the manager's only one, a file; there are keys of tester, victim and
// mallory. With PATTERN only those attacks that have it in their names. SEED is for what is drawn.
#include <cstdio>
#include <cstdlib>

#include "tests/hostile/campaign.hh"

namespace {

using namespace pmemckpt;
using namespace pmemckpt::hostile;

Attacks all_attacks() {
    Attacks all;
    for (const auto& of_kind :
         {greetings(), handshakes(), principals(), frames(), segments(), operations(), writes(), reads(),
          graves(), messages(), requests(), takeovers(), floods(), sloths()})
        all.insert(all.end(), of_kind.begin(), of_kind.end());
    return all;
}

int attack(char** words, const std::string& pattern) {
    test::generator().seed(test::seed());
    const auto attacks = all_attacks();
    Field field(test::ok(parse_address(words[1])), words[2], words[3],
                ManagerProcess(std::atoi(words[4]), words[5]));
    return Campaign(field).run(attacks, pattern) ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
    if (count != 6 && count != 7) {
        std::fprintf(stderr, "usage: hostile SERVER POOL KEY-DIRECTORY MANAGER-PID MANAGER-LOG [PATTERN]\n");
        return 2;
    }
    try {
        return attack(words, count == 7 ? words[6] : "");
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "hostile: %s\n", failure.what());
        return 1;
    }
}
