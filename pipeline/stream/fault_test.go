package stream

import (
	"os"
	"os/signal"
)

const serverDirVariable = "TASTER_TEST_SERVER_DIR"

func serveForParent(dir string) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	<-c
}
