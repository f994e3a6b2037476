// Package compose makes variations of samples, for stress tests: the same attack at another place, under another
// disguise, in another language. Every variation names the sample that it was made from and what was done, keeps its
// group and split, and marks where the attack now stands. The same seed makes the same bytes.
//
// Variations measure what a disguise costs a detector. They are no corpus: they share their sentences with what they
// were made from, and count in no recall of their own.
package compose
