// Package mcp reads live Model Context Protocol servers, and the configuration files that name them, into events.
//
// [List] speaks JSON-RPC over the transports of the official SDK, but not through its typed client: a typed decode
// loses what a poisoner hides in duplicate, misspelt and unknown members, and refuses a list for one bad object. Every
// result is kept as the server sent it.
//
// A server is hostile until judged: pages, objects, bytes, messages and time are limited ([Limits]), requests from the
// server are refused, redirects to another host are not followed, and a child gets no environment but what a client
// would give it. None of that makes it safe to start an unknown server: over stdio, listing a server runs its code.
package mcp
