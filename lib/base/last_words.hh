#pragma once
// A program that has no memory or no thread left for what it must do ends with a sentence and status 1, and
// not by a signal with a core.

namespace pmemckpt {

/// For main(), before there are threads. `reassurance` is appended to the sentence: what is safe all the
/// same. Both strings must live as long as the program. What else nobody caught still aborts: that is a
/// programmer's error.
void set_last_words(const char* program, const char* reassurance = "");

}  // namespace pmemckpt
