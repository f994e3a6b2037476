// Package atr imports rules of the format Agent Threat Rules (https://github.com/Agent-Threat-Rule) as a rule pack of the
// heuristic detector.
//
// An ATR rule holds where one of its regular expressions matches in a field. Each such condition becomes a near condition
// with the expression as its pattern, gated by literals that every match must have; where the pack's format asks for
// bounds (repetitions, the window), it is narrowed. An imported rule finds in a text no more than the original. What
// can't be imported is listed with the reason, and so is what was narrowed, or reads more texts than the original. The
// rule's test cases decide in the end: a condition that finds a true negative is left out, and so is a rule that finds
// none of its true positives.
package atr
