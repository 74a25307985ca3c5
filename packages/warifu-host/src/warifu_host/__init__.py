"""The reference host application with plug-ins (stands in for 申請用総合ソフト)."""
