import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { startTheme } from './state/theme.ts'
import './styles/tokens.css'
import './styles/controls.css'
import './styles/auth.css'
import './styles/drive.css'
import './styles/screen.css'
import './styles/table.css'
import './styles/thumbnails.css'
import './styles/dialogs.css'
import './styles/transfers.css'
import './styles/preview.css'
import './styles/security.css'
import './styles/forced-colors.css'

startTheme()
const place = document.getElementById('app')
if (place !== null) createRoot(place).render(<App />)
