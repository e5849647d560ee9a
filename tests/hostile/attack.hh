#pragma once
// An attack is a row of a table: to add one, add a row to the table of its kind.
#include <functional>
#include <string>
#include <vector>

#include "tests/hostile/field.hh"
#include "tests/hostile/verdict.hh"

namespace pmemckpt::hostile {

struct Attack {
    std::string name;  ///< what is tried
    /// Says in what way it was refused; throws test::Failure where it was not.
    std::function<std::string(Field&)> run;
    Moves moves = Moves::nothing;
    /// It waits most of its time: all of these are tried at once, before the others.
    bool slow = false;
};
using Attacks = std::vector<Attack>;

// In the order in which a client comes to them; each in the file of that name.
Attacks greetings();   // the MPA start-up
Attacks handshakes();  // HELLO and PROOF
Attacks principals();  // names and keys
Attacks frames();      // MPA's framing
Attacks segments();    // DDP
Attacks operations();  // RDMAP
Attacks writes();
Attacks reads();
Attacks graves();  // windows that have died
Attacks messages();
Attacks requests();
Attacks takeovers();
Attacks floods();
Attacks sloths();

}  // namespace pmemckpt::hostile
