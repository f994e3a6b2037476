//go:build !race

package classifier

const raced = false
