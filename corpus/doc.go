// Package corpus holds labelled samples: events of which a person said whether they are malicious, steering or benign.
//
// A corpus is one or several files of JSON lines, one [Sample] each. Taster's own is embedded ([Own]); [Open] reads any
// other. What a corpus must satisfy so that figures on it mean something is checked by [Lint].
package corpus
