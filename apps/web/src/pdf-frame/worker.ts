// The library reads PDFs here, in a worker of the frame.
import 'pdfjs-dist/legacy/build/pdf.worker.min.mjs'
