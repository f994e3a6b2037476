package rulepack

import "github.com/aad6b6dc/taster/models"

// Reads reports whether the rule reads anything of events of kind k.
func (r *Rule) Reads(k models.Kind) bool { return r.kindBits()&kindBit(k) != 0 }
