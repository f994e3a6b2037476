//go:build !race

package rulepack

const raced = false
