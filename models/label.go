package models

// Label is what a person says of an event. Three labels are more honest than two: a vendor that tells the model in
// capitals how to format answers is pushy, not hostile.
type Label string

// The labels.
const (
	Malicious Label = "malicious"
	Steering  Label = "steering" // pushy but legitimate; counted apart from benign
	Benign    Label = "benign"
)

// Labels returns every label.
func Labels() []Label { return []Label{Malicious, Steering, Benign} }

// Valid reports whether l is one of [Labels].
func (l Label) Valid() bool { return l == Malicious || l == Steering || l == Benign }
