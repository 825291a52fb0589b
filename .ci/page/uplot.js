// uPlot as an ES module. Its style sheet is uplot.css beside it.
export {default} from 'uplot/dist/uPlot.esm.js'
