package models

// Decision is what a gateway is recommended to do with an event.
type Decision string

// The decisions, from the mildest to the strictest.
const (
	Allow           Decision = "allow"
	Monitor         Decision = "monitor"          // let it pass, keep an eye on it
	Redact          Decision = "redact"           // let it pass without the marked parts (run-time kinds only)
	RequireApproval Decision = "require_approval" // ask a person first
	Quarantine      Decision = "quarantine"       // withhold the definition until it is reviewed (definitions only)
	Block           Decision = "block"
)

// Decisions returns the decisions from the mildest to the strictest.
func Decisions() []Decision {
	return []Decision{Allow, Monitor, Redact, RequireApproval, Quarantine, Block}
}

// Rank orders decisions from 0 (allow) to 5 (block); -1 for anything else.
func (d Decision) Rank() int {
	for i, e := range Decisions() {
		if d == e {
			return i
		}
	}
	return -1
}

// AtLeast reports whether d is as strict as e or stricter.
func (d Decision) AtLeast(e Decision) bool { return d.Rank() >= e.Rank() }

// Stricter returns the stricter of the two.
func Stricter(d, e Decision) Decision {
	if e.AtLeast(d) {
		return e
	}
	return d
}

// decisionsOf is the table of what each sort of kind may get: a definition is not redacted (a tool with half its
// description is another tool), and run-time traffic is not quarantined (there is nothing to come back to).
var decisionsOf = map[bool][]Decision{
	true:  {Allow, Monitor, RequireApproval, Quarantine, Block},
	false: {Allow, Monitor, Redact, RequireApproval, Block},
}

// Decisions returns the decisions that events of kind k may get, from the mildest to the strictest.
func (k Kind) Decisions() []Decision { return decisionsOf[k.Definition()] }

// MayGet reports whether events of kind k may get decision d.
func (k Kind) MayGet(d Decision) bool {
	for _, e := range k.Decisions() {
		if d == e {
			return true
		}
	}
	return false
}

// Tier is the coarse reading of a decision that figures are reported in.
type Tier int

// The tiers, in ascending order. Each includes those above it: a blocked event is also flagged and noted.
const (
	TierNone    Tier = iota // allow
	TierNoted               // anything but allow
	TierFlagged             // require_approval or above for definitions, redact or above for run-time kinds
	TierBlocked             // quarantine or block
)

// Tier returns the tier of decision d on an event of kind k.
func (k Kind) Tier(d Decision) Tier {
	flagged := Redact
	if k.Definition() {
		flagged = RequireApproval
	}
	switch {
	case d.AtLeast(Quarantine):
		return TierBlocked
	case d.AtLeast(flagged):
		return TierFlagged
	case d.AtLeast(Monitor):
		return TierNoted
	}
	return TierNone
}

// Mode says whether gateways are meant to act on decisions.
type Mode string

// The modes.
const (
	Observe Mode = "observe" // decide and record, let everything pass
	Enforce Mode = "enforce"
)
