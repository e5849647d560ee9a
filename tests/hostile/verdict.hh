#pragma once
// What must come of an attack, and the words that it is told in.
#include <string>

#include "tests/hostile/attacker.hh"
#include "tests/hostile/rules.hh"

namespace pmemckpt::hostile {

/// The connection ends with a Terminate that names this rule.
std::string terminated(Attacker& attacker, const test::Named& rule, const Place& place = Place::current());
/// The next message is the ERROR of this code, an errno.
std::string error_answered(Attacker& attacker, int code, const Place& place = Place::current());
/// The same, and the connection ends.
std::string closed_with_error(Attacker& attacker, int code, const Place& place = Place::current());
/// The connection ends, whatever is said before.
std::string closed(Attacker& attacker, const Place& place = Place::current());
/// A session that is in order yet.
void goes_on(Attacker& attacker, const Place& place = Place::current());
std::string name_of_error(int code);

/// The request is answered with this error, and the session goes on.
template <class Request>
std::string refused(Attacker& attacker, const Request& request, int code,
                    const Place& place = Place::current()) {
    attacker.post(request);
    auto told = error_answered(attacker, code, place);
    goes_on(attacker, place);
    return told;
}

}  // namespace pmemckpt::hostile
